"""Keys and certificates on disk: read, checked, made, and signers made of them. Nothing here says who may trade."""
