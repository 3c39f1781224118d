"""Networks of `tfp.bijectors`."""
