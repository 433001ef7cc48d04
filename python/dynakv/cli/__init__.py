"""The command line, on typer and rich (the extra ``cli``). `dynakv.__main__` is the way in."""
