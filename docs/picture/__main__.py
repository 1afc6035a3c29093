"""`python -m docs.picture`: draw the picture again."""

from pathlib import Path

from docs.picture.drawing import drawn
from tests.unit.project.import_graph import lines, product

TARGET = Path(__file__).resolve().parents[1] / "architecture.svg"

if __name__ == "__main__":
    TARGET.write_text(drawn(product(), lines))
