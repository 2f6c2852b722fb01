"""Rate cards and prices that come with the product, as files; the cli reads them."""
