"""Languages by their BCP-47 tag: how FLORES-200, and with it NLLB, calls each, and its name in English.

Source: the language list of FLORES-200 (Costa-jussà et al., arXiv 2207.04672, table 1).
"""

from collections.abc import Collection

_TABLE = """
af afr_Latn Afrikaans|am amh_Ethi Amharic|ar arb_Arab Arabic|as asm_Beng Assamese|az azj_Latn Azerbaijani
ba bak_Cyrl Bashkir|be bel_Cyrl Belarusian|bg bul_Cyrl Bulgarian|bm bam_Latn Bambara|bn ben_Beng Bengali
bo bod_Tibt Tibetan|bs bos_Latn Bosnian|ca cat_Latn Catalan|cs ces_Latn Czech|cy cym_Latn Welsh
da dan_Latn Danish|de deu_Latn German|dz dzo_Tibt Dzongkha|ee ewe_Latn Ewe|el ell_Grek Greek
en eng_Latn English|eo epo_Latn Esperanto|es spa_Latn Spanish|et est_Latn Estonian|eu eus_Latn Basque
fa pes_Arab Persian|fi fin_Latn Finnish|fj fij_Latn Fijian|fo fao_Latn Faroese|fr fra_Latn French
ga gle_Latn Irish|gd gla_Latn Scottish Gaelic|gl glg_Latn Galician|gn grn_Latn Guarani|gu guj_Gujr Gujarati
ha hau_Latn Hausa|he heb_Hebr Hebrew|hi hin_Deva Hindi|hr hrv_Latn Croatian|ht hat_Latn Haitian Creole
hu hun_Latn Hungarian|hy hye_Armn Armenian|id ind_Latn Indonesian|ig ibo_Latn Igbo|is isl_Latn Icelandic
it ita_Latn Italian|ja jpn_Jpan Japanese|jv jav_Latn Javanese|ka kat_Geor Georgian|kg kon_Latn Kongo
ki kik_Latn Kikuyu|kk kaz_Cyrl Kazakh|km khm_Khmr Khmer|kn kan_Knda Kannada|ko kor_Hang Korean
ks kas_Arab Kashmiri|ku kmr_Latn Kurdish|ky kir_Cyrl Kyrgyz|lb ltz_Latn Luxembourgish|lg lug_Latn Ganda
li lim_Latn Limburgish|ln lin_Latn Lingala|lo lao_Laoo Lao|lt lit_Latn Lithuanian|lv lvs_Latn Latvian
mg plt_Latn Malagasy|mi mri_Latn Maori|mk mkd_Cyrl Macedonian|ml mal_Mlym Malayalam|mn khk_Cyrl Mongolian
mr mar_Deva Marathi|ms zsm_Latn Malay|mt mlt_Latn Maltese|my mya_Mymr Burmese|nb nob_Latn Norwegian Bokmål
ne npi_Deva Nepali|nl nld_Latn Dutch|nn nno_Latn Norwegian Nynorsk|no nob_Latn Norwegian|ny nya_Latn Nyanja
oc oci_Latn Occitan|om gaz_Latn Oromo|or ory_Orya Odia|pa pan_Guru Punjabi|pl pol_Latn Polish
ps pbt_Arab Pashto|pt por_Latn Portuguese|qu quy_Latn Quechua|rn run_Latn Rundi|ro ron_Latn Romanian
ru rus_Cyrl Russian|rw kin_Latn Kinyarwanda|sa san_Deva Sanskrit|sc srd_Latn Sardinian|sd snd_Arab Sindhi
sg sag_Latn Sango|si sin_Sinh Sinhala|sk slk_Latn Slovak|sl slv_Latn Slovenian|sm smo_Latn Samoan
sn sna_Latn Shona|so som_Latn Somali|sq als_Latn Albanian|sr srp_Cyrl Serbian|ss ssw_Latn Swati
st sot_Latn Southern Sotho|su sun_Latn Sundanese|sv swe_Latn Swedish|sw swh_Latn Swahili|ta tam_Taml Tamil
te tel_Telu Telugu|tg tgk_Cyrl Tajik|th tha_Thai Thai|ti tir_Ethi Tigrinya|tk tuk_Latn Turkmen
tl tgl_Latn Tagalog|tn tsn_Latn Tswana|tr tur_Latn Turkish|ts tso_Latn Tsonga|tt tat_Cyrl Tatar
ug uig_Arab Uyghur|uk ukr_Cyrl Ukrainian|ur urd_Arab Urdu|uz uzn_Latn Uzbek|vi vie_Latn Vietnamese
wo wol_Latn Wolof|xh xho_Latn Xhosa|yi ydd_Hebr Yiddish|yo yor_Latn Yoruba|zh zho_Hans Chinese
zu zul_Latn Zulu
"""
_ROWS = [row.split(" ", 2) for line in _TABLE.split("\n") for row in line.split("|") if row]
FLORES = {tag: code for tag, code, _ in _ROWS}
NAMES = {tag: name for tag, _, name in _ROWS}
SCRIPT_NAMES = {"Arab": "Arabic", "Cyrl": "Cyrillic", "Hans": "simplified", "Hant": "traditional", "Latn": "Latin"}


def flores(language: str, known: Collection[str]) -> str | None:
    """Return the code of a language, such as `zho_Hant` for zh-Hant, if it is among the known ones."""
    base, _, script = language.partition("-")
    code = FLORES.get(base, f"{base}_")
    if script:
        code = f"{code.partition('_')[0]}_{script}"
    elif code.endswith("_"):
        # A language of three letters is written in one script there, or in several, and then has to say which.
        found = [name for name in known if name.startswith(code)]
        code = found[0] if len(found) == 1 else code
    return code if code in known else None


def spoken(language: str) -> str:
    """Return a language as a model is told it: `German`, `Chinese (traditional script)`, else its tag."""
    base, _, script = language.partition("-")
    name = NAMES.get(base)
    if name is None:
        return f"the language with the tag {language}"
    return f"{name} ({SCRIPT_NAMES.get(script, script)} script)" if script else name
