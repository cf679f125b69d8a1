"""HTTP and WebSockets: the API and the pages. The one room of fastapi.

app.py -> create_app(Services(...)) -> HttpServer
          Doorbell  <- call control rings and tells through it
          Links     signed contact links
"""
