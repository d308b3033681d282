"""Types of settings that constructors share; config validation reads their bounds."""

from typing import Annotated

from pydantic import Field

Probability = Annotated[float, Field(ge=0, lt=1)]
"""A rate of dropout: 1 would drop everything."""

Layers = Annotated[int, Field(gt=0, le=1000)]
"""How many are stacked; a slip of the finger would build for hours."""
