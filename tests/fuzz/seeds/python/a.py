class Lamp:
    """A lamp."""
    def colour(self):
        return "green"


def main():
    print(Lamp().colour())
