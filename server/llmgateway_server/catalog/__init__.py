"""What the gateway knows of the outside world, as data: vendors and prices, each row with its source and date."""
