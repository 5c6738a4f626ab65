"""How the command line shows things to people: tables, words and progress."""
