"""What people run today instead of Pointsman, each as its own docs recommend."""
