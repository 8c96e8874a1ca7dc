"""The live process: intake, dispatch, HTTP and pages around the same core."""
