"""What calls the handlers of scripts: how it is declared, when it has happened, and who hears of it."""
