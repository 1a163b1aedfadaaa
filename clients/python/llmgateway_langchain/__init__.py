"""LangChain over the gateway's gRPC contract: a chat model and embeddings.

from llmgateway_langchain import ChatLLMGateway

model = ChatLLMGateway(model="mock/echo")
print(model.invoke("Hello").text)
"""

from llmgateway_langchain.chat import ChatLLMGateway
from llmgateway_langchain.decode_messages import decode_messages
from llmgateway_langchain.embeddings import LLMGatewayEmbeddings
from llmgateway_langchain.encode_messages import encode_messages

__all__ = ["ChatLLMGateway", "LLMGatewayEmbeddings", "decode_messages", "encode_messages"]
