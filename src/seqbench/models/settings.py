"""Types of settings that constructors share; config validation reads their bounds."""

from typing import Annotated

from pydantic import Field

Probability = Annotated[float, Field(ge=0, lt=1)]
"""A rate of dropout: 1 would drop everything."""
