"""Networks: embedding -> stack of cells -> head."""
