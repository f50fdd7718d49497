"""`python -m showtell`: the command line."""

from showtell.cli import main

if __name__ == "__main__":
    main()
