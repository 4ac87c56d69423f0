"""The app that serves the page's files, without data: the page reads Airflow's REST API with its viewer's permissions.

Only the API server imports this module. Airflow mounts the app without any authentication, so each route requires it.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from crypto_prices.page.static_files import HEADERS, INDEX, MEDIA_TYPES, read_static

DAG_ID = "crypto_prices_daily"

NO_ACCESS = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Crypto prices</title></head>
<body><main><h1>No access</h1>
<p>Your user may not read the DAG {DAG_ID}, so this page shows you nothing.
Ask an administrator of Airflow for access to it.</p>
<p><a href="../">Back to Airflow</a></p></main></body></html>
"""


def create_app() -> FastAPI:
    """Return the app. FastAPI's own pages are off, because they would be open to anyone and load a CDN."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # All at once, so that preflight notices a missing one.
    contents = {name: read_static(name) for name in MEDIA_TYPES}
    etags = {name: f'"{hashlib.sha256(content).hexdigest()[:32]}"' for name, content in contents.items()}

    @app.get("/{name:path}", dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG_ID))])
    def static_file(request: Request, name: str) -> Response:
        name = name or INDEX
        if name not in contents:
            raise HTTPException(404, "the page has no such file")
        headers = HEADERS | {"ETag": etags[name]}
        # A proxy or a compressed response may have made it a weak one.
        if request.headers.get("If-None-Match", "").removeprefix("W/") == etags[name]:
            return Response(status_code=304, headers=headers)
        return Response(contents[name], media_type=MEDIA_TYPES[name], headers=headers)

    @app.exception_handler(HTTPException)
    def refuse(request: Request, error: HTTPException) -> Response:
        is_page = "text/html" in request.headers.get("Accept", "")
        if is_page and error.status_code == 401:
            # As Airflow's own UI does when a session has ended.
            return RedirectResponse(f"../api/v2/auth/login?next={quote(request.url.path, safe='')}", 302, HEADERS)
        if is_page and error.status_code == 403:
            return Response(NO_ACCESS, 403, HEADERS, "text/html; charset=utf-8")
        return Response(str(error.detail), error.status_code, HEADERS, "text/plain; charset=utf-8")

    return app
