"""The page's files: what is vendored, what is deployed, and what they may load."""

import hashlib
import re
from pathlib import Path

from crypto_prices.page.static_files import INDEX, MEDIA_TYPES, STATIC, read_static

from bundle.contents import PLUGINS, bundle_files
from bundle.preflight.bundle import Bundle

REPOSITORY = Path(__file__).parents[4]


def test_the_chart_library_is_the_one_that_its_notice_names():
    notice = (STATIC / "lightweight-charts.NOTICE.txt").read_text()
    assert hashlib.sha256(read_static("lightweight-charts.js")).hexdigest() in notice
    (version,) = re.findall(rb"Lightweight Charts\xe2\x84\xa2 v([\d.]+)", read_static("lightweight-charts.js"))
    assert f"Lightweight Charts {version.decode()}," in notice
    assert "Apache License" in (STATIC / "lightweight-charts.LICENSE.txt").read_text()


def test_the_bundle_has_every_file():
    deployed = Bundle({PLUGINS: bundle_files(REPOSITORY)[PLUGINS]}).plugins.files
    for name in MEDIA_TYPES:
        assert deployed[f"crypto_prices/page/static/{name}"] == read_static(name)


def test_the_page_loads_its_own_files_only():
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', read_static(INDEX).decode())
    assert sorted(name for name in loaded if not name.startswith("data:")) == sorted({*MEDIA_TYPES} - {INDEX})
