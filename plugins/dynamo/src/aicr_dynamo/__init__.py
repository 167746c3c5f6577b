"""Dynamo: platform value and the Dynamo components."""
