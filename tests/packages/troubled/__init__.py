"""As a user's own package: a cell and a task that go wrong on demand."""
