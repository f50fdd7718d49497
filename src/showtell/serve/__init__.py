"""The server: a captioner over HTTP, with its own API and those of Ollama and OpenAI."""
