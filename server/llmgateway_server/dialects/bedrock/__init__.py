"""Amazon Bedrock Runtime: Converse, ConverseStream, and the embedding models behind InvokeModel."""
