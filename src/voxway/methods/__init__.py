"""Networks of published methods. `contract` says what a method is, `registry` which there are."""
