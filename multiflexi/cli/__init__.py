"""The program `multiflexi-cli`: one module per noun, imported only when one of its commands is called."""
