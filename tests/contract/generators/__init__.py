"""How the committed code of each language is made from proto/: a module a language."""
