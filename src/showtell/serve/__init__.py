"""The server: a captioner over HTTP, in its own shape and in those of Ollama and OpenAI."""
