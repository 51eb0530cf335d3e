#include "common/expr/date_names.h"

#include <algorithm>
#include <string>

namespace headrace::expr {
namespace {

constexpr std::array<DateNames, 6> kNames = {{
    {"fr",
     {{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}},
     {{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."}},
     {{"lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"}},
     {{"lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."}},
     {{"AM", "PM"}}},
    {"de",
     {{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}},
     {{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."}},
     {{"Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"}},
     {{"Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So."}},
     {{"AM", "PM"}}},
    {"es",
     {{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}},
     {{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"}},
     {{"lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"}},
     {{"lun", "mar", "mié", "jue", "vie", "sáb", "dom"}},
     {{"a.\u00A0m.", "p.\u00A0m."}}},
    {"it",
     {{"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"}},
     {{"gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"}},
     {{"lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"}},
     {{"lun", "mar", "mer", "gio", "ven", "sab", "dom"}},
     {{"AM", "PM"}}},
    {"pt",
     {{"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"}},
     {{"jan.", "fev.", "mar.", "abr.", "mai.", "jun.", "jul.", "ago.", "set.", "out.", "nov.", "dez."}},
     {{"segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo"}},
     {{"seg.", "ter.", "qua.", "qui.", "sex.", "sáb.", "dom."}},
     {{"AM", "PM"}}},
    {"nl",
     {{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"}},
     {{"jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"}},
     {{"maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"}},
     {{"ma", "di", "wo", "do", "vr", "za", "zo"}},
     {{"a.m.", "p.m."}}},
}};
// The regions whose names the table has.
constexpr std::array<std::string_view, 6> kRegions = {"fr-FR", "de-DE", "es-ES", "it-IT", "pt-BR", "nl-NL"};

}  // namespace

const DateNames* FindDateNames(std::string_view tag) {
  std::string name(tag);
  std::replace(name.begin(), name.end(), '_', '-');
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i].language || name == kRegions[i]) return &kNames[i];
  }
  return nullptr;
}

}  // namespace headrace::expr
