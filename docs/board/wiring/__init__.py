"""Draws the wiring of the boards: `PYTHONPATH=avr/sim python -m docs.board.wiring` writes docs/board/<board>.svg."""
