"""`python -m prompt_improver.cli`."""

from prompt_improver.cli.app import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
