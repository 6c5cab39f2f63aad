/** A certificate for `localhost` that signs itself, which nobody trusts, and its key: for tests alone. */
export const SELF_SIGNED = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUbex1XO7s7BQCc1QFx2lhMsrSIYwwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjIyNDkxNVoYDzIxMjYxMTAy
MjI0OTE1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARTOkm3QmuM/SlrQ3N3sD36r24uAdlG3JxNvbbNGIpF6uMdmeq15Tb1
HMIo3e2+jXKDgSeqx+bw9bOqUym+VlDgo28wbTAdBgNVHQ4EFgQUvgyFpCJS48Rx
wOytoknt+/FbxaswHwYDVR0jBBgwFoAUvgyFpCJS48RxwOytoknt+/FbxaswDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAPkx8lmZCGVQEKEKHtdKF2XEJmvZuzh5zbsySYlAUiuQAiEA
hn5oOAvebAUSDl6RxpZm0D9ie4M+gY973+u7JEzZnpM=
-----END CERTIFICATE-----`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7cOpAIzy4nyQDHs8
JVFCbntiUSiUlFu3Enbp1cOJyiuhRANCAARTOkm3QmuM/SlrQ3N3sD36r24uAdlG
3JxNvbbNGIpF6uMdmeq15Tb1HMIo3e2+jXKDgSeqx+bw9bOqUym+VlDg
-----END PRIVATE KEY-----`,
} as const;
