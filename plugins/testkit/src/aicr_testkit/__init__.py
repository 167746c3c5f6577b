"""Test kit for aicr plugins: conformance checks for everybody, fixtures for authors' own tests."""
