"""aioboto3, for operations that are called rarely. Importing it takes half a second."""
