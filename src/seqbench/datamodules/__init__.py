"""One LightningDataModule a kind of data."""
