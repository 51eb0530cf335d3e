// TLS to a real redis-server: whose certificate is trusted, and whose is not.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>

#include "tests/unit/store/redis_server.h"
#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A certificate of its own for `name` ("IP:127.0.0.1", "DNS:other"), with its key beside it.
void WriteCertificate(const std::string& name, const std::string& cert_file, const std::string& key_file) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> cert(X509_new(), X509_free);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  X509_set_pubkey(cert.get(), key.get());
  const unsigned char text[] = "headrace test";
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name.c_str());
  ASSERT_NE(names, nullptr);
  X509_add_ext(cert.get(), names, -1);
  X509_EXTENSION_free(names);
  ASSERT_NE(X509_sign(cert.get(), key.get(), EVP_sha256()), 0);
  FILE* file = std::fopen(cert_file.c_str(), "w");
  PEM_write_X509(file, cert.get());
  std::fclose(file);
  file = std::fopen(key_file.c_str(), "w");
  PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
}

class RedisTlsTest : public testing::Test {
 protected:
  void Serve(const std::string& name, const std::string& clients) {
    WriteCertificate(name, folder_.file("cert"), folder_.file("key"));
    port_ = FreePort();
    server_ = std::make_unique<RedisServer>(std::vector<std::string>{
        "--appendonly", "yes", "--tls-port", std::to_string(port_), "--tls-cert-file", folder_.file("cert"), "--tls-key-file",
        folder_.file("key"), "--tls-ca-cert-file", folder_.file("cert"), "--tls-auth-clients", clients});
  }
  Result<RedisStores> Open(const std::string& options) {
    return OpenRedis({.url = "rediss://127.0.0.1:" + std::to_string(port_) + options, .patience = std::chrono::milliseconds(300)});
  }
  std::string ca() const { return "?ca=" + folder_.file("cert"); }

  ScratchFolder folder_;
  int port_ = 0;
  std::unique_ptr<RedisServer> server_;
};

TEST_F(RedisTlsTest, ATrustedServerIsSpokenTo) {
  Serve("IP:127.0.0.1", "no");
  auto stores = Open(ca());
  ASSERT_TRUE(stores) << stores.error().ToString();
  WriteBatch batch{.partition = 0, .epoch = *stores->store->Acquire(0)};
  // More than one record of TLS, both ways.
  for (int i = 0; i < 50; ++i) {
    batch.executions.push_back(Row("e" + std::to_string(i), i));
    batch.executions.back().record = std::string(10'000, 'r');
  }
  ASSERT_TRUE(CommitAndWait(*stores->store, batch));
  EXPECT_EQ(stores->store->List({.limit = 100})->records, std::vector<std::string>(50, std::string(10'000, 'r')));
}

TEST_F(RedisTlsTest, AnUnknownServerIsRefused) {
  Serve("IP:127.0.0.1", "no");
  const auto stores = Open("");
  ASSERT_FALSE(stores);
  EXPECT_TRUE(Contains(stores.error().message, "self-signed certificate")) << stores.error().message;
  EXPECT_TRUE(Contains(stores.error().message, "?ca=FILE")) << stores.error().message;
}

TEST_F(RedisTlsTest, AServerOfAnotherNameIsRefused) {
  Serve("DNS:other.example", "no");
  const auto stores = Open(ca());
  ASSERT_FALSE(stores);
  EXPECT_TRUE(Contains(stores.error().message, "IP address mismatch")) << stores.error().message;
}

TEST_F(RedisTlsTest, BothSidesMayShowWhoTheyAre) {
  Serve("IP:127.0.0.1", "yes");
  EXPECT_FALSE(Open(ca()));
  const auto stores = Open(ca() + "&cert=" + folder_.file("cert") + "&key=" + folder_.file("key"));
  EXPECT_TRUE(stores) << stores.error().ToString();
}

TEST_F(RedisTlsTest, FilesThatAreNotThereAreNamed) {
  Serve("IP:127.0.0.1", "no");
  const auto none = Open("?ca=/nowhere/ca.pem");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kInvalidArgument);
  EXPECT_TRUE(Contains(none.error().message, "/nowhere/ca.pem"));
}

}  // namespace
}  // namespace headrace::store
