"""What connects the ports to databases, brokers, carriers and files."""
