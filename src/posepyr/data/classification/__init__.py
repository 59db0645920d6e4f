"""Pictures of one class each."""
