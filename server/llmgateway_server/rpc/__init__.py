"""The gRPC face: the only importer of grpc in the server."""
