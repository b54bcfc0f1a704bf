"""Invented people's names in many scripts: common first and family names, drawn together by chance."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Culture:
    """First and family names of one language as its speakers write them; `family_first` for Chinese and Vietnamese."""

    key: str
    first: tuple[str, ...]
    family: tuple[str, ...]
    joint: str = " "
    family_first: bool = False

    def name(self, rng: Random) -> str:
        """One full name."""
        return self.joined(rng.choice(self.first), rng.choice(self.family))

    def joined(self, first: str, family: str) -> str:
        """The full name in the order of the language."""
        return f"{family}{self.joint}{first}" if self.family_first else f"{first}{self.joint}{family}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


PAKISTAN = Culture(
    "pakistan",
    _phrases(
        "Ayesha, Saima, Nadeem, Kashif, Rubina, Farhan, Shazia, Waqas, "
        "Bushra, Zeeshan, Sadia, Arslan, Humaira, Junaid, "
        "Nosheen, Tahir, Fouzia, Adnan, Samina, Rizwan, Uzma, Danish, "
        "Kiran, Haroon, Lubna, Faisal, Mehreen, Naveed, "
        "Sumaira, Yasir, Rehana, Shahzad, Amna, Muhammad Usman, "
        "Muhammad Hamza, Muhammad Bilal, Noor Fatima, Zainab, "
        "Abdul Rehman, Abdul Wahab, Ghulam Rasool, Sajida, Irfan, "
        "Maryam, Qasim, Hafsa, Talha, Iqra, Khalida, Sohail"
    ),
    _words(
        "Ahmed Akhtar Ansari Arain Aslam Awan Baig Bajwa Butt Chaudhry "
        "Cheema Dar Farooqi Gondal Gul Hashmi Hussain "
        "Iqbal Jatoi Javed Kakar Kazmi Khattak Khokhar Lodhi Mahmood "
        "Malik Mengal Mirza Mughal Naqvi Niazi Paracha "
        "Qazi Qureshi Rana Raza Rind Saeed Shaikh Siddiqui Soomro Tariq Warraich Yousafzai Zaidi Ghori Lashari"
    ),
)
URDU = Culture(
    "urdu",
    _phrases(
        "عائشہ, ندیم, شازیہ, کاشف, فرحان, روبینہ, وقاص, بشریٰ, ذیشان, "
        "سعدیہ, ارسلان, حمیرا, جنید, نوشین, طاہر, فوزیہ, عدنان, "
        "ثمینہ, رضوان, عظمیٰ, دانش, کرن, ہارون, لبنیٰ, فیصل, مہرین, "
        "نوید, محمد عثمان, عبدالرحمٰن, نور فاطمہ, غلام رسول, مریم"
    ),
    _words(
        "احمد اختر انصاری اعوان بیگ باجوہ بٹ چوہدری چیمہ ڈار فاروقی "
        "گوندل گل ہاشمی حسین اقبال جتوئی کاکڑ کاظمی خٹک "
        "کھوکھر لودھی محمود ملک مرزا مغل نقوی نیازی پراچہ قریشی "
        "رانا رضا سعید شیخ صدیقی سومرو وڑائچ یوسفزئی زیدی"
    ),
)
ARABIC = Culture(
    "arabic",
    _words(
        "عبدالله فاطمة خالد مريم سالم نورة راشد شيخة ماجد هند سعيد لطيفة يوسف أمل بدر منى فهد ريم ناصر سارة طلال عبير"
    ),
    _words(
        "المنصوري الحربي العتيبي الكعبي الزهراني الشمري البلوشي الهاجري "
        "الدوسري الغامدي القحطاني الحارثي المري العجمي الرشيدي"
    ),
)
ARABIC_LATIN = Culture(
    "arabic-latin",
    _words(
        "Abdullah Fatima Khalid Mariam Salem Noura Rashid Majid Hind "
        "Saeed Latifa Yousef Amal Badr Mona Fahad Reem Nasser"
    ),
    _words(
        "Al-Mansoori Al-Harbi Al-Otaibi Al-Kaabi Al-Zahrani Al-Shammari "
        "Al-Balushi Al-Hajri Al-Dosari Al-Ghamdi Al-Marri"
    ),
)
BENGALI = Culture(
    "bengali",
    _words("আয়েশা রফিক সুমন নাসরিন জাহিদ শিরিন কামাল রোকেয়া হাবিব তাহমিনা মিজান সালমা ফারুক পারভীন আনোয়ার মৌসুমী সোহেল রিনা"),
    _words("আহমেদ হোসেন ইসলাম চৌধুরী রহমান সরকার মণ্ডল বেগম মিয়া তালুকদার শিকদার ভূঁইয়া মজুমদার প্রামাণিক হাওলাদার"),
)
CHINESE = Culture(
    "chinese",
    _words("伟明 秀兰 建国 丽华 志强 晓燕 文斌 玉梅 海波 春霞 俊杰 雪琴 国栋 慧敏 立新 佳怡 永康 思远 雨桐 子涵"),
    _words("王 李 张 刘 陈 杨 黄 赵 周 吴 徐 孙 胡 朱 高 林 何 郭 罗 郑"),
    joint="",
    family_first=True,
)
FILIPINO = Culture(
    "filipino",
    _phrases(
        "Maria Luz, Jhun, Rosalinda, Jerome, Marites, Rodel, Analyn, "
        "Crisanto, Jocelyn, Arnel, Liezel, Nestor, Girlie, "
        "Renato, Maricel, Dindo, Rowena, Joselito, Czarina, Efren"
    ),
    _phrases(
        "dela Peña, Bautista, Macaraeg, Ilagan, Dimaculangan, "
        "Panganiban, Salonga, Catacutan, Manalastas, Nuñez, "
        "Lacsamana, Batungbakal, Magsino, Tolentino, Evangelista, Pascual, Sumulong, Gatdula"
    ),
)
NEPALI = Culture(
    "nepali",
    _words("सीता राम गीता हरि सुनिता प्रकाश बिमला कृष्ण अनिता दीपक लक्ष्मी रमेश मीना सुरेश पुष्पा बिष्णु कमला नारायण"),
    _words("श्रेष्ठ थापा गुरुङ तामाङ राई लिम्बू मगर अधिकारी पौडेल भट्टराई खड्का बस्नेत कार्की ढकाल रिजाल सुवेदी"),
)
DIACRITICS = Culture(
    "diacritics",
    _words(
        "Zoë Łukasz Aşkın Çağla François Jürgen Márta Øystein Renée "
        "Šárka Tomáš Ünal İpek Ágnes Björn Élodie Gökçe Håkon "
        "Inés João Kāvya Ľubica Nuño Ödön Þórdís Željka Đorđe Ștefan"
    ),
    _words(
        "Müller Özdemir Wiśniewska Łuczak Sørensen Åkerlund Novák "
        "Dvořáková Fernández Conceição D'Ávila Lefèvre Yıldırım "
        "Čermák Szűcs Þorsteinsson Ionescu-Țurcanu Jovičić Ångström-Berg Kowalczyk Güneş Nørgård"
    ),
)
VIETNAMESE = Culture(
    "vietnamese",
    _phrases(
        "Thị Hương, Văn Dũng, Ngọc Ánh, Quốc Bảo, Thị Mỹ Lệ, Minh Khôi, Thanh Tuyền, Đức Thắng, Bích Phượng, Hữu Phước"
    ),
    _words("Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Đặng Bùi Đỗ Hồ Ngô Dương"),
    family_first=True,
)
BRITISH = Culture(
    "british",
    _words(
        "Oliver Amelia Callum Isla Declan Freya Gareth Imogen Rhys "
        "Sinéad Siobhán Alistair Bronwen Nigel Philippa Tamsin"
    ),
    _words(
        "Ashworth Beckwith Cartwright Fairbairn Hollis O'Shea Pemberton Quigley Rowntree Thistlewood Wainwright McAllan"
    ),
)
TAMIL = Culture(
    "tamil",
    _words("முருகன் லட்சுமி செந்தில் மீனாட்சி கார்த்திக் பிரியா அருண் கவிதா சுரேஷ் வள்ளி ராஜா தேவி"),
    _words("சுந்தரம் பழனிசாமி ஆறுமுகம் கந்தசாமி நடராஜன் வேலாயுதம் சிவகுமார் இராமலிங்கம்"),
)

BENEFICIARIES: tuple[tuple[Culture, int], ...] = (
    (PAKISTAN, 74),
    (URDU, 20),
    (ARABIC_LATIN, 2),
    (BENGALI, 1),
    (DIACRITICS, 1),
    (NEPALI, 1),
    (CHINESE, 1),
)
_AT_HOME: tuple[tuple[Culture, int], ...] = (
    (PAKISTAN, 60),
    (URDU, 12),
    (BENGALI, 4),
    (FILIPINO, 3),
    (NEPALI, 3),
    (DIACRITICS, 3),
    (CHINESE, 2),
    (TAMIL, 2),
)
REMITTERS: dict[str, tuple[tuple[Culture, int], ...]] = {
    "AE": (*_AT_HOME, (ARABIC, 5), (ARABIC_LATIN, 5)),
    "SA": (*_AT_HOME, (ARABIC, 8), (ARABIC_LATIN, 4)),
    "KW": (*_AT_HOME, (ARABIC, 8), (ARABIC_LATIN, 4)),
    "OM": (*_AT_HOME, (ARABIC, 6), (ARABIC_LATIN, 6)),
    "GB": (*_AT_HOME, (BRITISH, 10), (DIACRITICS, 5)),
    "US": (*_AT_HOME, (BRITISH, 6), (DIACRITICS, 8), (VIETNAMESE, 3)),
}
NATIONALITY = {
    "pakistan": "PK",
    "urdu": "PK",
    "arabic": "AE",
    "arabic-latin": "SA",
    "bengali": "BD",
    "chinese": "CN",
    "filipino": "PH",
    "nepali": "NP",
    "diacritics": "PL",
    "vietnamese": "VN",
    "british": "GB",
    "tamil": "LK",
}


def draw(mix: tuple[tuple[Culture, int], ...], rng: Random) -> tuple[str, str]:
    """A full name and the nationality that goes with it, by the weights of `mix`."""
    culture = rng.choices([one for one, _ in mix], [weight for _, weight in mix])[0]
    return culture.name(rng), NATIONALITY[culture.key]


def nearly(name: str, rng: Random) -> str:
    """The same name as a careless clerk or a bank's short title field would have it: a title that is only CLOSE."""
    words = name.split(" ")
    if len(words) > 1 and rng.random() < 0.5:
        return " ".join([words[0][:1], *words[1:]]).upper()
    place = rng.randrange(max(len(name) - 1, 1))
    return (name[:place] + name[place + 1 : place + 2] + name[place : place + 1] + name[place + 2 :]).upper()
