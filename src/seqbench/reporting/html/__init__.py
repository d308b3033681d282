"""What the HTML page of a report is made of. Nothing here needs torch."""
