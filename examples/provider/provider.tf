terraform {
  required_providers {
    purge = {
      source  = "cachepurge/purge"
      version = "~> 0.1"
    }
  }
}

# Configure only the systems that you purge. Set secrets in the environment: in
# this example, MSTR_PASSWORD, RAX_API_KEY, and WPE_API_PASSWORD.
provider "purge" {
  mstr = {
    base_url = "https://bi.example.com/MicroStrategyLibrary"
    username = "etl"
  }
  cdn = {
    username = "example"
  }
  wpengine = {
    username = "5f0c9a52-7d1e-4b38-9c64-2ab81e3f7d90"
  }
  http_cache = {
    endpoints = ["http://10.0.0.11:6081", "http://10.0.0.12:6081"]
  }
}
