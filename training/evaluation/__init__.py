"""What the evaluations of the face and of the body share."""
