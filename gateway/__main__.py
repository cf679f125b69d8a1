"""`python -m gateway` is `kinbridge`."""

from gateway.cli import main

if __name__ == "__main__":
    main()
