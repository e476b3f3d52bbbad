"""The loop behind a learning curve: query, ask, record, fine-tune."""
