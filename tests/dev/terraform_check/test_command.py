from dev.terraform_check.command import main
from local_platform.terraform_cli import provider_version
from tests.support.fake_terraform import install_fake_terraform


def test_a_machine_without_terraform_skips_the_check_with_a_message(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert main([]) == 0
    assert "terraform is not installed" in capsys.readouterr().out


def test_a_failed_check_exits_with_1_and_shows_the_output(tmp_path, monkeypatch, capsys):
    failing = "#!/bin/sh\necho 'not formatted'; exit 3\n"
    install_fake_terraform(tmp_path, monkeypatch, failing, provider_version())
    assert main([]) == 1
    assert "not formatted" in capsys.readouterr().err
