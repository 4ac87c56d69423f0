import base64
import hashlib
import json
import re

from dev.report.html_file import self_contained

HOSTILE = "</script><script>alert(1)</script>"


def test_the_policy_allows_exactly_the_files_own_scripts_and_style():
    html = self_contained({"status": "{}"})
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    parts = re.findall(r"<(script|style)>(.*?)</\1>", html, re.DOTALL)
    assert [name for name, _ in parts] == ["style", "script", "script"]
    assert sorted(re.findall(r"'sha256-([^']+)'", policy)) == sorted(
        base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() for _, content in parts
    )
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r'(src|href)="(?!data:|#)', html.split("<script")[0])


def test_a_text_from_data_cannot_end_the_element():
    html = self_contained({"status": json.dumps({"symbol": HOSTILE})})
    assert HOSTILE not in html
    (data,) = re.findall(r'<script id="report" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert json.loads(data) == {"status": {"symbol": HOSTILE}}
