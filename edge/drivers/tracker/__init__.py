"""A made-up logger that travels with a parcel or a pallet."""
