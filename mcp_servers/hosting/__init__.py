"""What a tool server is told of its caller and of the service that hosts it."""
