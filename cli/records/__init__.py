"""Call detail records as the commands read, choose and write them."""
