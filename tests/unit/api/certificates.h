// An authority and a certificate of it for a test, made by OpenSSL in memory.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace headrace::api::testing {

class Authority {
 public:
  struct Signed {
    std::string certificate;
    std::string key;
  };

  Authority() : key_(NewKey()), own_(Make("the authority", "", key_.get(), nullptr)) {}
  std::string certificate() const { return Pem(own_.get()); }
  // `names` as of OpenSSL: "IP:127.0.0.1" or "DNS:scheduler.example".
  Signed Sign(const std::string& names) const {
    const KeyPtr key = NewKey();
    return {Pem(Make("headrace", names, key.get(), own_.get()).get()), Pem(key.get())};
  }

 private:
  using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;
  using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;

  static KeyPtr NewKey() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

  CertificatePtr Make(const std::string& subject, const std::string& names, EVP_PKEY* key, X509* issuer) const {
    CertificatePtr made(X509_new(), &X509_free);
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), issuer == nullptr ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 86'400);
    X509_set_pubkey(made.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer == nullptr ? made.get() : issuer));
    Extend(made.get(), issuer == nullptr ? NID_basic_constraints : NID_subject_alt_name, issuer == nullptr ? "critical,CA:TRUE" : names);
    X509_sign(made.get(), key_.get(), EVP_sha256());
    return made;
  }

  static void Extend(X509* certificate, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  static std::string Text(const BioPtr& bio) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }
  static std::string Pem(X509* certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_X509(bio.get(), certificate);
    return Text(bio);
  }
  static std::string Pem(EVP_PKEY* key) {
    const BioPtr bio(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return Text(bio);
  }

  const KeyPtr key_;
  const CertificatePtr own_;
};

}  // namespace headrace::api::testing
