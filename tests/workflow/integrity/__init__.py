"""What a study must do when its files are changed behind its back: a tiny study, disturbed cell by cell."""
