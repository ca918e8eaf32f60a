"""How answers look to people, whatever they are shown on: their words, their titles and their charts."""
