"""For a checkout: the suites bring their options with the plugin that the installation registers."""

pytest_plugins = ["pytester"]
