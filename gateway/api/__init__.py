"""HTTP and WebSockets: the API and the pages. The one room of fastapi.

app.py -> create_app(Services(...)) -> HttpServer
          Doorbell  <- call control rings and tells through it
          Links     signed contact links
"""

from gateway.api.app import create_app
from gateway.api.family import Doorbell
from gateway.api.links import Links
from gateway.api.server import HttpServer
from gateway.api.services import Demo, DemoBusy, Services

__all__ = ["create_app", "Services", "HttpServer", "Doorbell", "Links", "Demo", "DemoBusy"]
