"""What everything shares that runs pods: objects of a run, seeing what becomes of them, removing them."""
